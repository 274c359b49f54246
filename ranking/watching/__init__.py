"""Signs of life: the pulse of a site, recent views, and what is an alarm."""
