"""./dev: servers, supervisor, locks and folders, tried for real where that is cheap."""
