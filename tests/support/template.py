"""``python -m tests.support.template``: the template of the suite's databases, made while the workers collect tests."""

import django

if __name__ == "__main__":
    django.setup()

    from tests.support import database

    database.prepare_template()
