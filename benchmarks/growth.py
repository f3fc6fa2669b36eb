def growth_part(report):
    return []
