"""From a sound file to crops, spectrograms and vectors, without torch."""
