"""What a field offers while somebody types into it."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView

from hashinsight.common.admin.paginator import PeekingPaginator


class Suggestions(AutocompleteJsonView):
    """Found once and never counted."""

    def get_paginator(self, *args: Any, **options: Any) -> PeekingPaginator:
        """Of any page of the admin."""
        return PeekingPaginator(*args, **options)
