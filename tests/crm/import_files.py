"""A small pipeline of our own making, of the same form as the real files, to be broken in any way."""

import gzip
from dataclasses import dataclass, field
from pathlib import Path

TEAMS = b"""sales_agent,manager,regional_office
Ada Moor,Ben Fen,North
Cy O'Dell,Ben Fen,North
"""
PRODUCTS = b"""product,series,sales_price
GTX Pro,GTX,4821
Rack,R,55.50
"""
ACCOUNTS = b"""account,sector,year_established,revenue,employees,office_location,subsidiary_of
"Umber, Sons & Co",technolgy,1996,1100.04,2822,United States,
Fjell Kraft,energy,2001,87,12,Norway,"Umber, Sons & Co"
Palawan Grid,energy,1986,647.18,1185,Philipines,
"""
PIPELINE = b"""opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
W1,Ada Moor,GTXPro,Fjell Kraft,Won,2016-10-25,2017-03-11,4514
L1,Ada Moor,Rack,"Umber, Sons & Co",Lost,2016-10-25,2017-03-07,0
E1,Cy O'Dell,GTX Pro,Palawan Grid,Engaging,2017-02-28,,
P1,Cy O'Dell,Rack,Palawan Grid,Prospecting,,,
N1,Cy O'Dell,Rack,,Engaging,2017-05-01,,
N2,Ada Moor,Rack,,Won,2017-05-02,2017-05-09,60.25
N3,Ada Moor,Rack,,Lost,2017-05-03,2017-05-10,0
N4,Ada Moor,Rack,,Prospecting,,,
"""
RECORDS = 2 + 2 + 3 + 8


@dataclass
class Files:
    """The four files before they are written; a test changes bytes."""

    teams: bytes = TEAMS
    products: bytes = PRODUCTS
    accounts: bytes = ACCOUNTS
    pipeline: bytes = PIPELINE
    packed: bool = True
    extra: dict[str, bytes] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Put them into a folder, which is returned."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sales_teams.csv").write_bytes(self.teams)
        (folder / "products.csv").write_bytes(self.products)
        (folder / "accounts.csv").write_bytes(self.accounts)
        if self.packed:
            (folder / "sales_pipeline.csv.gz").write_bytes(gzip.compress(self.pipeline, mtime=0))
        else:
            (folder / "sales_pipeline.csv").write_bytes(self.pipeline)
        for name, content in self.extra.items():
            (folder / name).write_bytes(content)
        return folder

    def with_row(self, row: bytes) -> "Files":
        """One more opportunity, on line 10."""
        self.pipeline += row + b"\n"
        return self
