"""Containers taken apart in plain Python: bytes in, codec packets out, incrementally and with bounded memory."""
