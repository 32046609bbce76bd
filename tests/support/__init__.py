"""What tests share: real servers, fake phones, virtual time."""
