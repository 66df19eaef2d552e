"""What happened in public cases, told with the means of a simulated trade."""
