"""Judging heads on slots that were shown later, beside plain models."""
