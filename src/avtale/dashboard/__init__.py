"""The dashboard at `/`: what developers and customer support look at and do, without another portal.

A page is a class with a template and `values`: what it shows, as rows and nothing that changes by itself,
so that a page which is open hears when it would look different (`page.Page`).
What somebody does is a form in two steps: what would happen, with the very call of the API, and then the doing.
"""
