"""Mapping a function over many items: in processes of this machine, or on a cluster."""
