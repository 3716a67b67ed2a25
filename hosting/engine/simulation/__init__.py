"""Machines that are not there: how miners behave, heat, fail and answer, without a clock and without a socket.

``machine`` is the physics and the switch, ``faults`` what goes wrong and when, ``fleet`` who stands where, and
``firmware`` what each make says on the wire. Time is given: seconds since the fleet began.
"""
