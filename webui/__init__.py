"""The local web page: the screens that staff use, on the shop's own network.

It holds no data and no hardware: everything it shows and does goes through `client.py` to the
gateway's control socket, in the name of the person who signed in.
"""
