"""What a model makes of given pictures: holes filled, unseen ones drawn again, recovered ones."""
