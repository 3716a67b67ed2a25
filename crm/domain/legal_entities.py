"""Legal entities: the logo on their documents."""

import hashlib
from datetime import datetime

from django.db import transaction

from crm.models import LegalEntity, Logo


@transaction.atomic
def set_logo(entity: LegalEntity, *, content: bytes | None, media_type: str, at: datetime) -> LegalEntity:
    """Print this logo from now on (None: no logo); whoever calls has checked the picture.

    A logo is kept by its hash for ever: documents already issued are drawn with the one they were issued with.
    """
    logo = None
    if content is not None:
        digest = hashlib.sha256(content).hexdigest()
        logo, _created = Logo.objects.get_or_create(
            sha256=digest, defaults={"content": content, "media_type": media_type, "created_at": at}
        )
    entity.logo = logo
    entity.save(update_fields=["logo"])
    return entity
