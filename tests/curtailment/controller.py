"""A process that controls every site there is, until it is killed: the control of production, and nothing else."""

import time

import django


def main() -> None:
    """Tick whatever is due."""
    django.setup()
    from django.utils import timezone

    from curtailment.domain.control.site import control_site, sites_due

    print("READY", flush=True)
    while True:
        for site in sites_due(timezone.now()):
            control_site(site, clock=timezone.now)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
