"""What every app builds on: ids, money, moves, scoping, audit, and the bases of admin and API."""
