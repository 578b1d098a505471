-- What agents did in a span of time, for reports of occupancy; the key finds each agent's last change before it.

create index agent_events_by_time on agent_events (at);
