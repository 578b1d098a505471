"""The calls' side of the queues: the dispatcher's client, queue visits, callbacks that are due."""
