"""The control of a site at work: what it reads, decides, keeps, sends and notes."""
