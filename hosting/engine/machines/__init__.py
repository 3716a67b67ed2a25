"""What a mining machine says about itself, read from its own words; nothing is invented.

``cgminer`` turns the bytes of a reply into values, ``dialects`` tells which make speaks, and one file per dialect makes
a ``Reading`` of the replies. A value that is missing, unreadable or beyond belief is ``None``, and a note says why.
"""
