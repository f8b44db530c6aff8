class Temperature:
    def __init__(self, celsius):
        self._celsius = celsius

    @property
    def celsius(self):
        return self._celsius

    @celsius.setter
    def celsius(self, value):
        if value < -273.15:
            raise ValueError("below absolute zero")
        self._celsius = value

    @property
    def fahrenheit(self):
        return self._celsius * 9 / 5 + 32

    @staticmethod
    def parse(text):
        return Temperature(float(text.rstrip("°C ")))

    @classmethod
    def freezing(cls):
        return cls(0)


def run(ctx, params):
    reading = Temperature(params["celsius"])
    reading.celsius += 10
    try:
        reading.celsius = -300
    except ValueError as error:
        problem = str(error)
    return [reading.fahrenheit, Temperature.parse("10 °C").celsius, Temperature.freezing().fahrenheit, problem]

# params: {"celsius": 21.5}
# returns: [88.7, 10.0, 32.0, "below absolute zero"]
