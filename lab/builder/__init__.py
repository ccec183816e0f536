"""Builds the simulated rack: every node as a recording of what a machine of its class would answer."""
