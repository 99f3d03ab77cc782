typedef int consumer_placeholder;
