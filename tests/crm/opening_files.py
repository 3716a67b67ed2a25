"""Files of an opening for tests."""

from dataclasses import dataclass, field
from pathlib import Path

from crm.engine.opening_files import COLUMNS, Opening, read_opening
from hashinsight.common.money import CURRENCIES


@dataclass
class OpeningFiles:
    """Two customers (AAAA, BBBB) with three invoices, a deposit and a credit; the sums are right."""

    rows: dict[str, list[str]] = field(
        default_factory=lambda: {
            "open_invoices": [
                "R-2025-17,AAAA,2025-11-01,2025-11-15,EUR,1190.00,1190.00",
                "R-2026-03,AAAA,2026-08-01,2026-08-15,EUR,500.00,120.50",
                "R-2026-04,BBBB,2026-10-01,2026-12-31,USD,99.99,99.99",
            ],
            "credits": ["DEP-1,AAAA,deposit,2025-01-02,EUR,300.00", "CR-9,BBBB,credit,2026-09-30,USD,9.99"],
            "number_series": ["invoice,2026,AAAA,41", "credit_note,2026,AAAA,3", "invoice,2026,BBBB,7"],
            "balances": ["AAAA,EUR,1010.50", "BBBB,USD,90.00"],
            "totals": ["EUR,1010.50", "USD,90.00"],
        }
    )

    def write(self, folder: Path) -> Path:
        """All files, or those that have rows."""
        for name, rows in self.rows.items():
            text = "\n".join([",".join(COLUMNS[name]), *rows]) + "\n"
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        return folder

    def read(self, folder: Path) -> Opening:
        """As the command does."""
        return read_opening(self.write(folder), digits=CURRENCIES)
