"""What an energy says: of kinds of pictures, and of its minima and the barriers between them."""
