"""The provider's own pages and the steps between them: signing in, going back to an application,
choosing a password, the own class, signing out."""
