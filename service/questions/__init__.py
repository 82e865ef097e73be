"""The queue of questions: who may see and answer them, what an answer does, and taking it back."""
