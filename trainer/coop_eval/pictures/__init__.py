"""How good and how new drawn pictures are: distances of features, coverage, diversity, copies."""
