# tries: a source whose run is no function
# layer: language
# plain: there is nothing that could be called
run = "ESCAPED: not a function"
