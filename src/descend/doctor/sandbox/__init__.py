"""The sandbox of an examined script: a scratch copy of its folder, and guards against effects outside of it.

The scratch copy and the environment are made in descend's own process, the guards in the script's process. This file
imports nothing, so that each process imports only what it needs.
"""
