"""How low a loss can go where what a call has made is free to be anything: floors along the graph."""
