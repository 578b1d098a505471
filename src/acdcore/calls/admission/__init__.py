"""Who may call or register, who is screened, and who was refused."""
