"""Curtailment: whom it takes to switch how much."""

from hashinsight.env import env_bool, env_int

# Above this share of a site's or the fleet's power a plan needs a second person.
CURTAILMENT_TWO_PERSON_PERCENT = env_int("CURTAILMENT_TWO_PERSON_PERCENT", 30, minimum=0, maximum=100)
# False: no machine is switched by this installation; plans can be made and looked at.
CURTAILMENT_CONTROL = env_bool("CURTAILMENT_CONTROL", True)
