"""What runs inside MLflow's server: who may do what there, by the headers that the gateway sets.

It is not imported by the program: `files.py` hands it to the pods, beside an unaltered MLflow. So
it needs nothing but MLflow and Python itself, and its imports are relative.

A team is a workspace of MLflow's, and MLflow itself keeps workspaces apart in its database.

request ──▶ app.Guard: a known endpoint? whose? of which team? ──▶ MLflow, in that workspace
                                                                    ├── store.Teams: which there are
                                                                    └── artifacts: that team's alone
"""
