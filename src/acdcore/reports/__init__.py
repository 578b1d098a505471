"""Figures of queues and agents, counted from queue visits and from agents' time in each state; no input or output."""
