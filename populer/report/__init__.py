"""The report of `populer tune`: one page that needs nothing but itself."""
