"""The books: which accounts there are, how documents are booked, and what can be read from them."""
