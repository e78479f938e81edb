def f(n):
    s = 0
    for i in range(n):
        s = s + i * 2 % 7
    return s


print(f(10000000))
