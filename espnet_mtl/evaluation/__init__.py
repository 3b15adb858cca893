"""Objective evaluation of synthesized speech: metrics, probes, intervals, table and report."""
