"""The formats of tools, one small file each; README.md beside this folder says how to add one."""
