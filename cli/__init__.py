"""The command line: choosing environments and agents, typed options from constructors, run folders."""
