"""The parts of the local HTML report: no scripts, nothing from other hosts, readable by day and by night."""
