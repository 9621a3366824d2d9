"""What `image/test` is made of: an emulated board, a shop around it, and looks from outside."""
