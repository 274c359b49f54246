"""From scores to a list: eligibility, order, rules, the shortlist, and the reasons for a rank."""
