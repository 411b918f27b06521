"""Slices of one series in anatomical order, decoded only when asked for."""
