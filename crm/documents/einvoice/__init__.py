"""The e-invoice inside the PDF: Factur-X (ZUGFeRD), where one file is read by people and by programs."""
