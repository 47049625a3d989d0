"""Fingerprints: knowing a recording again after codecs, gain, trims, speed, tone and noise."""
