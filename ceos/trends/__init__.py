"""Following trends and letting agents take them up."""
