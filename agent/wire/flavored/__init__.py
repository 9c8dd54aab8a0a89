"""How a JSON Schema is read, merged and written again in the dialect of Moonshot; no I/O."""
