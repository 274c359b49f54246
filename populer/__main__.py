"""`python -m populer` is `populer`."""

from populer.cli import main

if __name__ == "__main__":
    main()
