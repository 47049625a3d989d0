"""From a waveform to a vector, from plays to factors, from a vector to its neighbours."""
