"""FlowMol: flow matching for 3D molecules, continuous in every modality or with tokens for its classes."""
